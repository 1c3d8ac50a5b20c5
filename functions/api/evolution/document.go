package evolution

import _ "embed"

// Document is the dialect's OpenAPI document. It is made of the schemas that
// judge bodies and of the types that are answered.
//
//go:generate go test -run ^TestDocument$ -update .
//go:embed openapi.json
var Document []byte
