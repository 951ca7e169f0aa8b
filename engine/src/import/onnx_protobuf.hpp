// ONNX's protobuf classes, wherever the distribution has them.
#pragma once

// Debian 12's package says by itself which of its two generated headers it was built with; Debian 13's does not.
#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#ifndef ONNX_NAMESPACE
#define ONNX_NAMESPACE onnx
#endif

#include <onnx/onnx_pb.h>
