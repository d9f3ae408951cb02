"""`python -m kindred.search`: what is like a picture, on the console."""

from kindred.serving import search_command

search_command.main()
