#version 450
#define SUBGROUP_ROWS 0
#define READS_TEXELS 0
#include "normalize_rows.glsl"
