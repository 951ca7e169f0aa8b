// Everything an embedding program needs. Purpose: load trained networks and run them on Vulkan devices, here or on
// other nodes, under supervision. Threads: every function may be called from any thread. Lifetime: the system last.
#pragma once

#include "troupe/engine/device.hpp"
#include "troupe/engine/image.hpp"
#include "troupe/engine/npy.hpp"
#include "troupe/engine/onnx_import.hpp"
#include "troupe/engine/tensor.hpp"
#include "troupe/system.hpp"
