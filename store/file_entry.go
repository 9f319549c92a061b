package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// An entry in the file is a checksum (4 bytes) over all that follows and the key,
// the index (8 bytes), and the value. bbolt itself checks only its first pages.
const entryHead = 12

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errChecksum = errors.New("checksum is wrong")

func encode(e Entry) []byte {
	out := make([]byte, entryHead, entryHead+len(e.Value))
	binary.BigEndian.PutUint64(out[4:], e.Index)
	out = append(out, e.Value...)
	binary.BigEndian.PutUint32(out, checksum([]byte(e.Key), out))
	return out
}

// decode copies: what bbolt hands out is gone after its transaction.
func decode(key, stored []byte) (Entry, error) {
	if len(stored) < entryHead || binary.BigEndian.Uint32(stored) != checksum(key, stored) {
		return Entry{}, fmt.Errorf("key %q: %w", key, errChecksum)
	}
	return Entry{
		Key:   string(key),
		Value: append([]byte{}, stored[entryHead:]...),
		Index: binary.BigEndian.Uint64(stored[4:]),
	}, nil
}

func checksum(key, stored []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, stored[4:])
}
