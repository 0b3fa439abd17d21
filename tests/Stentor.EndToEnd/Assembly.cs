using System.Runtime.Versioning;
using Stentor.EndToEnd.Processes;

// Tests measure memory and latency of real processes on a machine with few cores: one after the other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

// Signals, /proc and file modes: the tests look at processes as Linux shows them.
[assembly: SupportedOSPlatform("linux")]

[assembly: AssemblyFixture(typeof(BuiltProgram))]
