package monitor

import "github.com/prometheus/common/model"

// keyOf tells series apart. It does not depend on the order of labels or on the process,
// so that replicas add up in the same order.
func keyOf(m model.Metric) uint64 {
	var sum uint64
	for name, value := range m {
		h := hash(hash(14695981039346656037, string(name))*1099511628211, string(value))
		h ^= h >> 33
		h *= 0xff51afd7ed558ccd
		h ^= h >> 33
		h *= 0xc4ceb9fe1a85ec53
		sum += h ^ h>>33
	}
	return sum
}

// hash is FNV-1a, going on from h.
func hash(h uint64, text string) uint64 {
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}
