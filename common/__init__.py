"""What both ends of the link must agree on: conventions, wire protocol, burst layout, schemes, codecs, weights."""
