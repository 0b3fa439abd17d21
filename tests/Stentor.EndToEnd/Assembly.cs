using System.Runtime.Versioning;
using Stentor.EndToEnd.Processes;

// Most tests wait for most of their time, for faults to last and for silence to be noticed: two classes at a time, and what measures, by itself.
[assembly: CollectionBehavior(MaxParallelThreads = 2)]

// Signals, /proc and file modes: the tests look at processes as Linux shows them.
[assembly: SupportedOSPlatform("linux")]

[assembly: AssemblyFixture(typeof(BuiltProgram))]
