#!/bin/bash
# pack_environment.sh VENV: the environment as one file, VENV/environment.squashfs, which jobs mount on their node.
#
# The file is named after its content, and a link is moved to it at once: jobs that run keep the one they have.
# Older ones can be deleted when no job uses them any more. Needs mksquashfs (Debian: squashfs-tools).
set -euo pipefail
umask 022
venv=$(realpath "$1")
work=$(mktemp -d "$venv/.packing-XXXXXX")
trap 'rm -rf "$work"' EXIT

# What can't be compiled is for another Python, and nobody imports it.
echo "Compiling what isn't yet …"
"$venv/bin/python" -m compileall -q "$venv/lib" >/dev/null || true

# lz4: an image is made once and read at every start, where unpacking is what takes time.
# Times are kept, so that the bytecode stays valid.
echo "Packing …"
mksquashfs "$venv" "$work/image" -comp lz4 -all-root -no-xattrs -no-progress -quiet \
    -wildcards -e '.packing-*' 'environment*.squashfs'
hash=$(sha256sum "$work/image" | cut -c1-16)
chmod 644 "$work/image"
mv "$work/image" "$venv/environment-$hash.squashfs"
ln -s "environment-$hash.squashfs" "$work/link"
mv -T "$work/link" "$venv/environment.squashfs"
echo "$venv/environment-$hash.squashfs: $(du -h "$venv/environment-$hash.squashfs" | cut -f1)"
