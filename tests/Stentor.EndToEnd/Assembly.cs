using System.Runtime.Versioning;
using Stentor.EndToEnd;
using Stentor.EndToEnd.Processes;

// Most tests wait for most of their time, for faults to last and for silence to be noticed: two classes at a time keep one core busy, three both of them.
// What measures runs by itself.
[assembly: CollectionBehavior(MaxParallelThreads = 3)]
[assembly: TestCollectionOrderer(typeof(LongestFirst))]

// Signals, /proc and file modes: the tests look at processes as Linux shows them.
[assembly: SupportedOSPlatform("linux")]

[assembly: AssemblyFixture(typeof(BuiltProgram))]
