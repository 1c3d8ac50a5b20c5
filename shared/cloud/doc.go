// Package cloud is what the adapters to AWS have in common: how long they try
// ([Policy]), what they may say of a request that failed ([Call]), and how many
// requests they make ([Meter]).
package cloud
