from receiver.command import command

command(prog_name="python -m receiver")
