"""The panels of the terminal app: each draws its own lines and repaints only rows that changed.

Must never ask anybody for data: a panel is handed rows and shows them.
"""
