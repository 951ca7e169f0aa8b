#version 450
#define ROWS 16
#define BLOCKS 8
#define SUBGROUPS 2
#define READS_TEXELS 0
#include "gemm_packed.glsl"
