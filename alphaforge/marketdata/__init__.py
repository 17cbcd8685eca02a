"""Market data: reads files as they are, generates synthetic ones, and infers what nobody said.

May know errors, model and engine; must never know venues or the store.
"""

from alphaforge.marketdata.dataset import Dataset as Dataset
from alphaforge.marketdata.dataset import merge as merge
from alphaforge.marketdata.dataset import open_dataset as open_dataset
