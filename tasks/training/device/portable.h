/* One text for two compilers: CUDA C++, of NVRTC with --fmad=false, and OpenCL C.

   Neither may contract, reorder or flush: what is written is what IEEE 754 rounds, one operation at a time.
   Multiply-adds are fused where FMA says so, and nowhere else. */

#ifdef __OPENCL_VERSION__

#pragma OPENCL FP_CONTRACT OFF
#pragma OPENCL EXTENSION cl_khr_fp64 : enable

typedef uint word;
typedef ulong word64;
typedef long whole64;

#define FUNCTION static inline
#define KERNEL __kernel __attribute__((reqd_work_group_size(BLOCK, 1, 1))) void
#define GLOBAL __global
#define CONST_GLOBAL __global const
#define SHARED __local
#define RESTRICT restrict
#define FMA(a, b, c) fma((float)(a), (float)(b), (float)(c))
#define ROOT(a) sqrt((float)(a))
#define DIVIDE(a, b) ((float)(a) / (float)(b))
#define ROOT_OF_MEAN(a) ROOT(a)
#define DIVIDE_NORMAL(a, b) DIVIDE(a, b)
#define LARGER_NUMBER(a, b) LARGER(a, b)
#define DOWN(a) floor((double)(a))
#define AS_WORD(a) as_uint((float)(a))
#define AS_FLOAT(bits) as_float((uint)(bits))
#define AS_WHOLE64(a) as_long((double)(a))
#define AS_DOUBLE(bits) as_double((long)(bits))
#define HIGH_WORD(a, b) mul_hi((uint)(a), (uint)(b))
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
#define THREAD ((int)get_local_id(0))
#define N_THREADS ((int)get_global_size(0))
#define PLACE ((int)get_global_id(0))
#define NEXT(counter) atomic_inc(counter)

#else

typedef unsigned int word;
typedef unsigned short ushort;
typedef unsigned char uchar;
typedef unsigned int uint;
typedef unsigned long long word64;
typedef long long whole64;

#define FUNCTION static __device__ __forceinline__
#define KERNEL extern "C" __global__ void __launch_bounds__(BLOCK)
#define GLOBAL
#define CONST_GLOBAL const
#define SHARED __shared__
#define RESTRICT __restrict__
#define FMA(a, b, c) __fmaf_rn(a, b, c)
#define ROOT(a) __fsqrt_rn(a)
#define DIVIDE(a, b) __fdiv_rn(a, b)
#define DOWN(a) floor(a)
#define AS_WORD(a) __float_as_uint(a)
#define AS_FLOAT(bits) __uint_as_float(bits)
#define AS_WHOLE64(a) __double_as_longlong(a)
#define AS_DOUBLE(bits) __longlong_as_double(bits)
#define HIGH_WORD(a, b) __umulhi(a, b)
#define BARRIER() __syncthreads()
#define THREAD ((int)threadIdx.x)
#define N_THREADS ((int)(gridDim.x * blockDim.x))
#define PLACE ((int)(blockIdx.x * blockDim.x + threadIdx.x))
#define NEXT(counter) atomicAdd(counter, 1)

#ifndef ROOT_OF_MEAN
#define ROOT_OF_MEAN(a) ROOT(a)
#define DIVIDE_NORMAL(a, b) DIVIDE(a, b)
#define LARGER_NUMBER(a, b) LARGER(a, b)
#endif

#endif

/* A number as the engine lanes rounds it: of Python's doubles, once. */
#define F(number) ((float)(number))
