package main

import (
	"time"

	"example.com/host/api"
)

type source struct{}

func (source) Configure(string) error { return nil }

func (source) Open(messages chan<- map[string]interface{}, _ chan<- error, done <-chan struct{}) {
	for {
		select {
		case messages <- map[string]interface{}{"version": 2}:
		case <-done:
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func Random() api.Source { return source{} }
