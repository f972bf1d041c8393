from channel.command import command

command(prog_name="python -m channel")
