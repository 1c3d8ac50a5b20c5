package sqlite

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	modernc "modernc.org/sqlite"
)

// Conn is one connection with its prepared statements. It serves one goroutine
// at a time. It speaks to the driver itself because database/sql adds locks and
// conversions that cost as much as a small statement.
type Conn struct {
	raw        driver.Conn
	statements map[string]statement
	executed   int            // statements that may have changed something
	args       []driver.Value // scratch of one call
	row        []driver.Value // scratch of one call
}

// statement is the half of driver.Stmt that takes no context: a statement of
// ours is short and is never interrupted.
type statement interface {
	Exec(args []driver.Value) (driver.Result, error)
	Query(args []driver.Value) (driver.Rows, error)
	Close() error
}

// Row is the row that a scan function looks at; valid during its call only.
type Row struct{ values []driver.Value }

// Int returns column i, 0 if it is NULL.
func (r Row) Int(i int) int64 { n, _ := r.values[i].(int64); return n }

// Text returns column i, empty if it is NULL.
func (r Row) Text(i int) string { s, _ := r.values[i].(string); return s }

// Blob returns column i, nil if it is NULL or empty. The caller may keep it.
func (r Row) Blob(i int) []byte { b, _ := r.values[i].([]byte); return b }

func connect(dsn string) (*Conn, error) {
	raw, err := new(modernc.Driver).Open(dsn)
	if err != nil {
		return nil, err
	}
	return &Conn{raw: raw, statements: make(map[string]statement)}, nil
}

// Exec runs a statement that returns no rows and says how many it changed.
// query should be a constant: its prepared form is kept.
func (c *Conn) Exec(query string, args ...any) (int64, error) {
	result, err := c.exec(query, args)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Insert is Exec that returns the rowid of the last row inserted.
func (c *Conn) Insert(query string, args ...any) (int64, error) {
	result, err := c.exec(query, args)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// Query calls scan for each row until it returns false. scan must not use the
// connection.
func (c *Conn) Query(query string, scan func(Row) bool, args ...any) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.Query(c.values(args))
	if err != nil {
		return fmt.Errorf("run %q: %w", query, err)
	}
	err = c.scan(rows, scan)
	if closeErr := rows.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("run %q: %w", query, err)
	}
	return nil
}

// Int runs a query for one integer; found tells whether there was a row.
func (c *Conn) Int(query string, args ...any) (value int64, found bool, err error) {
	err = c.Query(query, func(r Row) bool {
		value, found = r.Int(0), true
		return false
	}, args...)
	return value, found, err
}

func (c *Conn) close() error {
	var errs []error
	for _, s := range c.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.raw.Close())...)
}

func (c *Conn) exec(query string, args []any) (driver.Result, error) {
	s, err := c.prepare(query)
	if err != nil {
		return nil, err
	}
	c.executed++
	result, err := s.Exec(c.values(args))
	if err != nil {
		return nil, fmt.Errorf("run %q: %w", query, err)
	}
	return result, nil
}

func (c *Conn) scan(rows driver.Rows, scan func(Row) bool) error {
	n := len(rows.Columns())
	if cap(c.row) < n {
		c.row = make([]driver.Value, n)
	}
	row := c.row[:n]
	defer clear(row)
	for {
		switch err := rows.Next(row); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case !scan(Row{row}):
			return nil
		}
	}
}

func (c *Conn) prepare(query string) (statement, error) {
	if s, ok := c.statements[query]; ok {
		return s, nil
	}
	s, err := c.raw.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	c.statements[query] = s
	return s, nil
}

func (c *Conn) values(args []any) []driver.Value {
	c.args = c.args[:0]
	for _, a := range args {
		c.args = append(c.args, a)
	}
	return c.args
}
