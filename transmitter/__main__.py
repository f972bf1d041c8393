from transmitter.command import command

command(prog_name="python -m transmitter")
