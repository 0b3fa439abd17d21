using Xunit.Sdk;
using Xunit.v3;

namespace Stentor.EndToEnd;

/// <summary>The classes that take longest begin first, so that none of them is left over when the others have ended. The rest comes in any order.</summary>
/// <remarks>
/// xunit gives all classes to the thread pool at once, where the thread that gives them goes on with the newest and the others begin with the oldest.
/// So the longest stand at both ends.
/// </remarks>
public sealed class LongestFirst : ITestCollectionOrderer
{
    // What takes longer than a minute, by the result file of a run.
    private static readonly Type[] First =
    [
        typeof(Regions.RegionFaultTests), // 153 s
        typeof(Regions.HostilePeerTests), // 115 s
    ];

    private static readonly Type[] Last =
    [
        typeof(Starting.CloneTests), // 87 s
        typeof(Demos.CausalityTests), // 93 s
    ];

    /// <inheritdoc/>
    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [.. testCollections.OrderBy(collection => !Contains(First, collection)).ThenBy(collection => Place(Last, collection))];

    private static bool Contains(Type[] classes, ITestCollection collection) => Place(classes, collection) >= 0;

    private static int Place(Type[] classes, ITestCollection collection) =>
        Array.FindIndex(classes, type => collection.TestCollectionDisplayName.Contains($" {type.FullName} ", StringComparison.Ordinal));
}
