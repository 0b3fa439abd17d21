using Xunit.Sdk;
using Xunit.v3;

namespace Stentor.EndToEnd;

/// <summary>The classes that take longest begin first, so that none of them is left over when the others have ended. The rest comes in any order.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    // What takes longer than a minute, by the result file of a run.
    private static readonly Type[] Longest =
    [
        typeof(Regions.RegionFaultTests), // 153 s
        typeof(Regions.HostilePeerTests), // 115 s
        typeof(Demos.CausalityTests), // 93 s
        typeof(Starting.CloneTests), // 87 s
    ];

    /// <inheritdoc/>
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => Array.FindIndex(Longest, type => collection.TestCollectionDisplayName.Contains($" {type.FullName} ", StringComparison.Ordinal)) is var place and >= 0 ? place : Longest.Length)];
}
