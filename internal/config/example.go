package config

import _ "embed"

// Example is a configuration file with every key, annotated.
//
//go:embed example.yaml
var Example []byte
