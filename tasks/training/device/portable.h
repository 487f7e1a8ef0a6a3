/* One text for two compilers: CUDA C++, of NVRTC with --fmad=false, and OpenCL C.

   Neither may contract, reorder or flush: what is written is what IEEE 754 rounds, one operation at a time.
   Multiply-adds are fused where FMA says so, and nowhere else. */

#ifdef __OPENCL_VERSION__

#pragma OPENCL FP_CONTRACT OFF
#pragma OPENCL EXTENSION cl_khr_fp64 : enable

#define KERNEL __kernel void
#define FUNCTION static inline
#define GLOBAL __global
#define SHARED __local
#define RESTRICT restrict
#define FMA(a, b, c) fma((float)(a), (float)(b), (float)(c))
#define SQRT(a) sqrt((float)(a))
#define BITS_OF(a) as_int((float)(a))
#define FLOAT_OF(bits) as_float((int)(bits))
#define BITS_OF_DOUBLE(a) as_long((double)(a))
#define DOUBLE_OF(bits) as_double((long)(bits))
#define FLOOR(a) floor((double)(a))
#define HIGH_WORD(a, b) mul_hi((uint)(a), (uint)(b))
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#define THREAD ((int)get_local_id(0))
#define BLOCK ((int)get_group_id(0))
#define THREADS ((int)get_local_size(0))
typedef long LONG;

#else

#define KERNEL extern "C" __global__ void
#define FUNCTION static __device__ __forceinline__
#define GLOBAL
#define SHARED
#define RESTRICT __restrict__
#define FMA(a, b, c) __fmaf_rn(a, b, c)
#define SQRT(a) __fsqrt_rn(a)
#define BITS_OF(a) __float_as_int(a)
#define FLOAT_OF(bits) __int_as_float(bits)
#define BITS_OF_DOUBLE(a) __double_as_longlong(a)
#define DOUBLE_OF(bits) __longlong_as_double(bits)
#define FLOOR(a) floor(a)
#define HIGH_WORD(a, b) __umulhi(a, b)
#define BARRIER() __syncthreads()
#define THREAD ((int)threadIdx.x)
#define BLOCK ((int)blockIdx.x)
#define THREADS ((int)blockDim.x)
typedef unsigned int uint;
typedef unsigned short ushort;
typedef unsigned char uchar;
typedef unsigned long long ulong;
typedef long long LONG;

#endif

/* A number of the text: Python's doubles, each rounded to float, as the engine lanes rounds them. */
#define F(number) ((float)(number))
