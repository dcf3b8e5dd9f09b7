"""The control room: what it does, its buttons, and the panel that shows them."""
