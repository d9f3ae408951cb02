"""Local features: the keypoints of one picture, and a descriptor of what is around each. One file each; the file's name
is the local features'.

Local features give

    BINARY     whether descriptors are bits, which Hamming's distance compares; else numbers from 0 to 15, two in a
               byte (`keypoints.packed`), which Euclid's does
    BYTES      of a descriptor

    keypoints(pixels) -> Keypoints    of a picture uint8 [h, w, c] of 1 or 3 channels and any size, strongest first, and
                                      no more than `Keypoints.to_bytes` stores; the same for the same pixels

A picture without any structure has no keypoints. What is common to all is not here: how they are looked for
(`detection`, with OpenCV `opencv_keypoints`), stored (`keypoints`) and compared (`verification`).
"""
