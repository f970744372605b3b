// Everything in one unit, which compiles in a few seconds.
#include "llama.cu"
#include "product.cu"
#include "render.cu"
