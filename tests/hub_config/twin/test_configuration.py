import stat
from pathlib import Path

from hpcampus_hub.twin import configuration
from hpcampus_hub.twin.configuration import Ports
from hpcampus_hub.twin.miniature import Miniature
from twins import site


def write(folder: Path) -> Ports:
    miniature = Miniature.of(site("leonardo"))
    ports = Ports.choose(miniature.node_names)
    configuration.write(folder, miniature, ports)
    return ports


def line(text: str, start: str) -> set[str]:
    """The words of the one line that starts so."""
    (found,) = [line for line in text.splitlines() if line.startswith(start)]
    return set(found.split())


def test_a_partition_keeps_its_name_limit_and_nodes(tmp_path: Path) -> None:
    write(tmp_path)
    slurm = (tmp_path / "slurm.conf").read_text()
    assert {"Nodes=n1,n2", "MaxTime=1440", "Default=NO"} <= line(slurm, "PartitionName=boost_usr_prod ")
    assert {"Nodes=n4", "MaxTime=240", "Default=YES"} <= line(slurm, "PartitionName=lrd_all_serial ")


def test_a_node_has_the_sites_size_and_gpus_and_a_port_of_its_own(tmp_path: Path) -> None:
    ports = write(tmp_path)
    node = line((tmp_path / "slurm.conf").read_text(), "NodeName=n2 ")
    assert {"CPUs=32", "RealMemory=494000", "Gres=gpu:a100:4", f"Port={ports.slurmd['n2']}"} <= node
    gpus = line((tmp_path / "gres.conf").read_text(), "NodeName=")
    assert gpus == {"NodeName=n1,n2", "Name=gpu", "Type=a100", f"File={tmp_path}/dev/gpu[0-3]"}


def test_people_read_what_they_need_and_only_root_what_concerns_accounting(tmp_path: Path) -> None:
    write(tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes["slurm.conf"] == 0o644
    assert modes["task_prolog"] == 0o755
    assert modes["slurmdbd.conf"] == 0o600
