namespace Stentor.EndToEnd;

/// <summary>Tests that measure how long something takes: on a machine with few cores nothing may run beside them.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
