// launch_graph.h by Torch's CUDA graphs. Lives in libheadscope_cuda.so.
#include <exception>
#include <map>
#include <utility>

#include <cuda_runtime_api.h>

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "lib/tensor/launch_graph.h"

namespace headscope {
namespace {

// One a thread: libraries keep memory of their own for each stream they have been used on.
c10::cuda::CUDAStream side_stream(c10::DeviceIndex device) {
  thread_local std::map<c10::DeviceIndex, c10::cuda::CUDAStream> streams;
  const auto found = streams.find(device);
  return found != streams.end()
             ? found->second
             : streams.emplace(device, c10::cuda::getStreamFromPool(false, device)).first->second;
}

class CudaLaunchGraph final : public LaunchGraph {
 public:
  explicit CudaLaunchGraph(c10::DeviceIndex device)
      : device_(device), stream_(side_stream(device)) {}

  void warm_up(const std::function<void()>& work) override {
    const c10::cuda::CUDAGuard device(device_);
    c10::cuda::getCurrentCUDAStream(device_).synchronize();
    {
      const c10::cuda::CUDAStreamGuard side(stream_);
      work();
    }
    stream_.synchronize();
  }

  void record(const std::function<void()>& work) override {
    const c10::cuda::CUDAGuard device(device_);
    c10::cuda::getCurrentCUDAStream(device_).synchronize();
    auto fresh = std::make_unique<at::cuda::CUDAGraph>();
    const c10::cuda::CUDAStreamGuard side(stream_);
    // In the memory of the recording before; other threads may go on using the device meanwhile.
    fresh->capture_begin(graph_ ? graph_->pool() : at::cuda::MempoolId_t{0, 0},
                         cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      give_up(*fresh);
      throw;
    }
    try {
      fresh->capture_end();
    } catch (...) {
      (void)cudaGetLastError();
      throw;
    }
    graph_ = std::move(fresh);
  }

  void replay() override {
    const c10::cuda::CUDAGuard device(device_);
    graph_->replay();
  }

 private:
  // Leaves the stream as it was before record().
  static void give_up(at::cuda::CUDAGraph& graph) {
    try {
      graph.capture_end();
    } catch (const std::exception&) {  // what broke the recording is told by record()
    }
    (void)cudaGetLastError();
  }

  c10::DeviceIndex device_;
  c10::cuda::CUDAStream stream_;
  std::unique_ptr<at::cuda::CUDAGraph> graph_;
};

}  // namespace
}  // namespace headscope

extern "C" __attribute__((visibility("default"))) headscope::LaunchGraph*
headscope_make_launch_graph(int device) {
  return new headscope::CudaLaunchGraph(static_cast<c10::DeviceIndex>(device));
}
