// Package tenant is whose instances are whose.
package tenant

// ID names a tenant. Instances, webhooks and archives of different tenants
// never meet.
type ID string

// Default is the tenant of a system that has only one: everything made with
// the admin key belongs to it.
const Default ID = "default"
