"""How the Spanish edition is made of the English lessons and pages, and of their catalogues."""
