// The trace file, format "headscope-trace" version 1 (data/TRACE_FORMAT.md): what was recorded of a
// model on a list of prompts. Free of Torch; arrays go in and out as raw row-major bytes.
//
// How it survives kill -9: the number of prompts and the longest one are known before the first
// forward pass, so every dataset is created at its final size, contiguous and unwritten (a hole in
// a sparse file), and HDF5 closes the file before recording starts. From then on a writer thread
// writes plain bytes at the offsets HDF5 gave; no metadata ever changes. A prompt's byte in /done
// is written last. So the file is a whole HDF5 file at any moment, and /done says what is in it.
#pragma once

#include "hooks/trace/trace_inspect.h"
#include "hooks/trace/trace_reader.h"
#include "hooks/trace/trace_schema.h"
#include "hooks/trace/trace_writer.h"
