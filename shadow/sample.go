package shadow

import "hash/fnv"

// Sampled says whether the request of that id is among permyriad of 10,000. It goes by
// the id's hash (FNV-1a, 64 bit), so that both versions, every region and every run
// choose the same requests, and a smaller share is part of a greater one.
func Sampled(id string, permyriad int) bool { return HashID(id)%10_000 < uint64(max(permyriad, 0)) }

func HashID(id string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	return h.Sum64()
}

// Clip shortens text of a file for a message.
func Clip(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}
