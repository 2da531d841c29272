"""What goes to a board's flash: the firmware's manifest and littlefs images. Public: `manifest`, `image`."""
