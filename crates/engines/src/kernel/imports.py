"""What a kernel needs to answer, imported by its host, or by the process that gets ready to be one. Spark and pandas take three times as
long: kernels import those themselves while clients connect."""

import gc


def import_what_kernels_need():
    # What is imported stays. Looking through it for garbage takes time, and in a kernel would copy it.
    gc.disable()
    import ipykernel.ipkernel  # noqa: F401
    import ipykernel.kernelapp  # noqa: F401

    gc.freeze()
    gc.enable()
