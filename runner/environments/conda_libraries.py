"""Conda's packages that mean nothing in a venv: libraries that serve others, conda's own tools.

An environment file that conda exported lists dozens of them. From the same sources as
`conda_names`: the conda-forge packages that no Python project stands for.
"""

from __future__ import annotations

import re
from typing import Final

from runner.environments.conda_names import NAMES

# Libraries that serve Python itself, or packages whose wheels bring their own.
_SERVING: Final = """
    abseil-cpp alsa-lib aom arpack arrow-cpp at-spi2-atk at-spi2-core atk atk-1.0 attr backports
    bash blas blosc boost bottom brotli brotli-bin brunsli bzip2 c-ares c-blosc2 ca-certificates
    cairo ceres-solver certifi-win32 cfitsio charls cloog coreutils cpuonly curl cyrus-sasl daal
    dal dav1d dbus dlpack double-conversion eigen elfutils epoxy expat faiss-proc fftw flann
    flatbuffers fmt fontconfig fonts-anaconda fonts-conda-ecosystem fonts-conda-forge freeglut
    freeimage freetds freetype freexl fribidi gdbm gdk-pixbuf geos geotiff gettext gettext-tools
    gflags giflib git gl2ps glew glib glib-networking glib-tools glog gmp gnutls
    gobject-introspection graphite2 gsl gst-libav gstreamer gtest gtk2 gtk3 gts harfbuzz hdf4
    hdf5 hdfeos2 hdfeos5 hicolor-icon-theme hwloc icc_rt icu ilmbase imath impi_rt intel-openmp
    isl jansson jasper jbig jemalloc jpeg json-c json-glib jsoncpp jxrlib kealib keyutils krb5
    lame lapack lcms2 leptonica lerc leveldb libuv llvm-openmp llvmdev lmdb lz4-c lzo metis
    minizip mkl mkl-service mkl_fft mkl_random mpc mpfr mpi msys2 mysql-connector-c ncurses
    nettle ninja ninja-base nlohmann_json nomkl nspr nss numpy-base ocl-icd openblas openexr
    openh264 openjpeg openmp openssl orc p11-kit pango patchelf pcre pcre2 perl pixman
    pkg-config pocl poppler-data popt proj proj-data proj4 pthread-stubs pulseaudio
    pulseaudio-client pybind11-abi python.app python_abi qhull qt rapidjson rdma-core re2
    readline s2n sed sip sleef snappy spdlog sphinxcontrib sqlite suitesparse superlu
    svt-av1 tbb tbb-devel tbb4py thrift-compiler tini tk torchtriton tzcode tzdata ucx unixodbc
    unzip uriparser utf8proc wayland which x264 x265 xerces-c xkeyboard-config xxhash xz
    xz-gpl-tools xz-tools yaml zeromq zfp zip zlib zlib-ng zstd
"""
_OF_CONDA: Final = """
    anaconda-anon-usage anaconda-client anaconda-navigator anaconda-project conda conda-build
    conda-content-trust conda-env conda-libmamba-solver conda-pack conda-package-handling
    conda-package-streaming conda-repo-cli conda-token conda-verify mamba menuinst micromamba
    navigator-updater nb_anacondacloud nb_conda nb_conda_kernels
"""
_OF_OTHER_SYSTEMS: Final = """
    applaunchservices cctools console_shortcut intel-cmplr-lib-rt m2-base powershell_shortcut
    pyobjc-core pyobjc-framework-cocoa pypiwin32 pyreadline pywin32 pywin32-ctypes
    pywin32-on-windows pywinpty ucrt vc vc14_runtime vcomp14 win_inet_pton wincertstore winpty
    zlib-wapi
"""
LIBRARIES: Final = frozenset(f"{_SERVING} {_OF_CONDA} {_OF_OTHER_SYSTEMS}".split())
LIBRARY_PATTERN: Final = re.compile(
    r"_.+|lib(?!.*(-py|-python|bindings)$).+|.+-mutex|.+-proc|"
    r"(?!awkward|zxing|hatch|ada|pytest|tree|bioimage).+-cpp|"
    r"mkl-.+|openblas-.+|magma(-cuda\d+)?|pytorch-cuda|mysql-(common|libs)|"
    r"aws-(c-.+|checksums|crt-cpp|sdk-cpp)|"
    r"xorg-.+|font-ttf-.+|gst-plugins-.+|qt6|"
    r"qt\d*-(main|base|webengine|webkit|multimedia|svg|tools|declarative|wayland|websockets)|"
    r"(ld_impl|kernel-headers|sysroot|ld64|cctools)_.+|.+-(cos6|cos7|el8|amzn2|conda)-.+|"
    r"(m2w64|m2|msys2)-.+|vs20\d\d_.+"
)
# The exceptions: Python packages that begin with `lib`.
LIB_PACKAGES: Final = frozenset(
    """
    libcflib libcst libensemble libertem libgravatar libhxl libmambapy libneuroml libpysal
    librabbitmq librosa libsass libtmux libusb-package libusb1
    """.split()  # noqa: SIM905
)
_OF_THE_INDEX: Final = LIB_PACKAGES | frozenset(NAMES)


def is_library(name: str) -> bool:
    """Whether the package only serves Python or other packages, so that a venv has its own."""
    if name in LIBRARIES:
        return True
    return name not in _OF_THE_INDEX and LIBRARY_PATTERN.fullmatch(name) is not None
