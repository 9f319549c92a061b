package routers

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/bits"
)

// murmur2 is the hash of nginx' split_clients.
func murmur2(text string) uint32 {
	const m = 0x5bd1e995
	data := []byte(text)
	h := uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * m
		k ^= k >> 24
		h = h*m ^ k*m
	}
	for i := len(data) - 1; i >= 0; i-- {
		h ^= uint32(data[i]) << (8 * i)
		if i == 0 {
			h *= m
		}
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}

// xxh32 is HAProxy's converter of that name, with its default seed of 0.
func xxh32(text string) uint32 {
	const p1, p2, p3, p4, p5 uint32 = 2654435761, 2246822519, 3266489917, 668265263, 374761393
	data := []byte(text)
	h := p5
	if len(data) >= 16 {
		first, second := p1, p2 // their sums wrap, which constants may not
		lanes := [4]uint32{first + second, second, 0, -first}
		for ; len(data) >= 16; data = data[16:] {
			for i := range lanes {
				lanes[i] = bits.RotateLeft32(lanes[i]+binary.LittleEndian.Uint32(data[4*i:])*p2, 13) * p1
			}
		}
		h = bits.RotateLeft32(lanes[0], 1) + bits.RotateLeft32(lanes[1], 7) + bits.RotateLeft32(lanes[2], 12) + bits.RotateLeft32(lanes[3], 18)
	}
	h += uint32(len(text))
	for ; len(data) >= 4; data = data[4:] {
		h = bits.RotateLeft32(h+binary.LittleEndian.Uint32(data)*p3, 17) * p4
	}
	for _, b := range data {
		h = bits.RotateLeft32(h+uint32(b)*p5, 11) * p1
	}
	h = (h ^ h>>15) * p2
	h = (h ^ h>>13) * p3
	return h ^ h>>16
}

// rendezvous is the score of a client and a backend in Traefik's highestrandomweight, before
// it is multiplied with the backend's weight.
func rendezvous(text string) float64 {
	h := fnv.New64a()
	h.Write([]byte(text))
	return 1 / -math.Log(float64(h.Sum64())/math.Pow(2, 64))
}
