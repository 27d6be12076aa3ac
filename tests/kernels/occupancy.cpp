// Blocks on a multiprocessor by NVIDIA's own calculator, a row for each case:
// major compute capability, threads, registers, bytes of shared memory, blocks.
#include <climits>
#include <cstdio>
#include <cstring>
#include <initializer_list>

#include <cuda_occupancy.h>

int main() {
    for (int major : {8, 9, 10}) {
        cudaOccDeviceProp gpu;
        gpu.computeMajor = major;
        gpu.computeMinor = 0;
        gpu.maxThreadsPerBlock = 1024;
        gpu.maxThreadsPerMultiprocessor = 2048;
        gpu.regsPerBlock = gpu.regsPerMultiprocessor = 65536;
        gpu.warpSize = 32;
        gpu.numSms = 1;
        gpu.sharedMemPerBlock = 48 << 10;
        gpu.sharedMemPerMultiprocessor = (major == 8 ? 164 : 228) << 10;
        gpu.reservedSharedMemPerBlock = 1 << 10;
        gpu.sharedMemPerBlockOptin = gpu.sharedMemPerMultiprocessor - gpu.reservedSharedMemPerBlock;
        cudaOccDeviceState state;
        state.carveoutConfig = SHAREDMEM_CARVEOUT_MAX_SHARED;
        for (int threads : {1, 31, 32, 33, 64, 96, 100, 128, 160, 256, 384, 512, 768, 1000, 1024})
            for (int registers = 1; registers < 256; ++registers)
                for (int shared : {0, 1, 1000, 2048, 12288, 33000, 49152, 100000, 166912, 166913, 232448, 232449}) {
                    cudaOccFuncAttributes kernel;
                    kernel.maxThreadsPerBlock = INT_MAX;
                    kernel.numRegs = registers;
                    kernel.sharedSizeBytes = shared;
                    kernel.partitionedGCConfig = PARTITIONED_GC_OFF;
                    kernel.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
                    kernel.maxDynamicSharedSizeBytes = gpu.sharedMemPerBlockOptin;
                    kernel.numBlockBarriers = 1;
                    cudaOccResult result;
                    cudaOccError error =
                        cudaOccMaxActiveBlocksPerMultiprocessor(&result, &gpu, &kernel, &state, threads, 0);
                    int blocks = error ? 0 : result.activeBlocksPerMultiprocessor;
                    std::printf("%d %d %d %d %d\n", major, threads, registers, shared, blocks);
                }
    }
}
