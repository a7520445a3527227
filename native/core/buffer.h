// Arrays of floats for vector instructions.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <utility>

namespace hushgate {

// Rows and columns of products are filled up to this many floats, the widest vector of any kernel. One length
// for all kernels: a stride that is right for one width is then right for all.
constexpr int kPadding = 16;

constexpr int padded(int size) { return (size + kPadding - 1) / kPadding * kPadding; }

// An array of floats on a boundary of 64 bytes, zero at first, with a whole number of vectors of memory.
class Buffer {
public:
    Buffer() = default;
    explicit Buffer(std::size_t size)
        : size_(size), capacity_((size + kPadding - 1) / kPadding * kPadding), data_(allocate(capacity_)) {
        clear();
    }
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept {
        swap(other);
        return *this;
    }
    ~Buffer() { ::operator delete(data_, kAlignment); }

    float* data() { return data_; }
    const float* data() const { return data_; }
    std::size_t size() const { return size_; }
    float& operator[](std::size_t index) { return data_[index]; }
    float operator[](std::size_t index) const { return data_[index]; }

    void clear() {
        if (capacity_ != 0) std::memset(data_, 0, capacity_ * sizeof(float));
    }

private:
    static constexpr std::align_val_t kAlignment{64};

    static float* allocate(std::size_t capacity) {
        return capacity == 0 ? nullptr
                             : static_cast<float*>(::operator new(capacity * sizeof(float), kAlignment));
    }

    void swap(Buffer& other) noexcept {
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
        std::swap(data_, other.data_);
    }

    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
    float* data_ = nullptr;
};

// Real and imaginary parts of the bins of one frame.
struct Spectrum {
    Buffer re, im;

    Spectrum() = default;
    explicit Spectrum(std::size_t num_bins) : re(num_bins), im(num_bins) {}
};

}  // namespace hushgate
