"""Where the stock start of the server would begin."""

from jupyterhub.singleuser.extension import main

main()
