//go:build !unix

package shadow

func cpuSeconds() float64 { return 0 }
