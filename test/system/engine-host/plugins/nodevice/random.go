// Package main is a source that loads and doesn't work: its device is missing.
package main

import (
	"errors"

	"example.com/host/api"
)

type source struct{}

func (source) Configure(string) error { return nil }

func (source) Open(_ chan<- map[string]interface{}, failed chan<- error, _ <-chan struct{}) {
	failed <- errors.New("device /dev/sensor7 is missing")
}

func Random() api.Source { return source{} }
