//go:build !unix

package audit

import "os"

// noFollow is nothing where the system has no such flag: links are looked for before.
const noFollow = 0

// names is not known where files have no count of their names.
func names(os.FileInfo) uint64 { return 1 }

// lock does nothing where there is no flock: keep to one process by hand.
func lock(*os.File) error { return nil }
