// Package aspx is the dialect of commands that end in ".aspx": one instance a
// key, one command a path, every answer JSON, misspellings included.
//
//	/<command>.aspx?wid=KEY    or Authorization: Bearer KEY
//
// The key is the instance's token. Answers call the instance by its id, so that
// they do not give the key away. What cannot be done is told under 200 in each
// command's own form; other statuses are HTTP's own business: 400 a body or
// value that cannot be read, 401, 403 a browser's prefetch, 404, 405, 413, 415,
// 429 with Retry-After, 500, and 503 when no host answers.
package aspx
