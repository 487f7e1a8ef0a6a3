"""The engine `cuda`: whole trainings of very many networks on a GPU, with the bits of the engine `lanes`.

One C text, in the files ``*.h``, is compiled by NVRTC for a GPU and, in tests, by OpenCL for the processor.
"""
