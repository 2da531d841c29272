import board_start

board_start.run(globals())
