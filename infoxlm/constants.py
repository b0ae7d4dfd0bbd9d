"""Names and limits of XLM-R that everything shares: special tokens, lengths."""

#: Special tokens of XLM-R: fairseq puts these four before sentencepiece's own pieces.
BOS_ID, PAD_ID, EOS_ID, UNK_ID = 0, 1, 2, 3

#: The label of a token that no loss is wanted of, in PyTorch's and in Paddle's words.
NO_LABEL = -100

#: What the encoder's tensors are called in a model that has a head.
ENCODER_PREFIX = "roberta."

#: Room for two tokens of each text next to the four special ones of a pair.
MIN_LENGTH = 8

#: Position ids start behind the padding id, so 514 rows hold 512 tokens.
MAX_LENGTH = 512

#: The largest that Paddle's LayerNorm takes.
MAX_LAYER_NORM_EPSILON = 0.001

#: The commands whose runs train: their folders have checkpoints, and can be resumed.
TRAINING = ("train", "pretrain")
