"""Motion as analogue symbols: smooth fields of displacement towards the first frame (:mod:`common.sections.motion`).

========================  ==============================================================================================
module                    holds
========================  ==============================================================================================
``basis``                 fields to coefficients and back: cosine transform over space, Karhunen-Loève transform in time
``prior``                 what is learned: the transform in time, classes of clips, variances of coefficients
``powers``                which coefficients are sent with which power, and the receiver's estimate of them
``side``                  scale, class, design SNR and *no motion* as a coded block
``warp``                  frames displaced by fields
``fit``                   the transmitter's search for the coefficients that displace best *after* the channel
``codec``                 both ends
========================  ==============================================================================================
"""
