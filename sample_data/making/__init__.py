"""Parts of `sample_data/make.py`. Everything in here is literal: no clock, no random numbers."""
