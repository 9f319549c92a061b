//go:build !unix

package rules

func cpuSeconds() float64 { return 0 }
