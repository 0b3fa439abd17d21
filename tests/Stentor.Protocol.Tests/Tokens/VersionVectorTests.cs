using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Stentor.Protocol.Tests;

public sealed class VersionVectorTests
{
    internal static readonly string[] Names = ["asia-1", "eu", "eu-7f3a", "us-2", "zz"];

    internal static Gen<VersionVector> Vectors { get; } =
        from numbers in Gen.Elements(0L, 1, 2, 127, 128, 300, 1L << 35, long.MaxValue).ArrayOf(Names.Length)
        select VersionVector.Of(Names.Select((name, i) => KeyValuePair.Create(new OriginId(name), numbers[i])));

    [Fact]
    public void Merge_is_the_least_vector_that_covers_both() => Property.Holds(Three(), v =>
    {
        var (a, b, c) = v;
        var merged = a.Merge(b);

        Assert.True(merged.Covers(a) && merged.Covers(b));
        Assert.All(Names, name => Assert.Equal(Math.Max(a[new(name)], b[new(name)]), merged[new(name)]));
        Assert.Equal(merged, b.Merge(a));
        Assert.Equal(merged.GetHashCode(), b.Merge(a).GetHashCode());
        Assert.Equal(a.Merge(b).Merge(c), a.Merge(b.Merge(c)));
        Assert.Equal(a, a.Merge(a));
        Assert.Equal(a, a.Merge(VersionVector.Empty));
    });

    [Fact]
    public void Covering_is_an_order() => Property.Holds(Three(), v =>
    {
        var (a, b, c) = v;

        Assert.True(a.Covers(a));
        Assert.True(!(a.Covers(b) && b.Covers(a)) || a.Equals(b));
        Assert.True(!(a.Covers(b) && b.Covers(c)) || a.Covers(c));
        Assert.Equal(a.Covers(b), a.MissingFrom(b).Count == 0);
        Assert.Equal(a.Merge(b), a.Merge(a.MissingFrom(b)));
    });

    [Fact]
    public void A_component_can_be_replaced_and_taken_out() => Property.Holds(Three(), v =>
    {
        var (a, b, _) = v;
        var rebuilt = a;
        foreach (var name in Names)
        {
            rebuilt = rebuilt.With(new(name), b[new(name)]);
        }

        Assert.Equal(b, rebuilt);
        Assert.Equal(0, a.Without(new("eu"))[new("eu")]);
        Assert.Equal(a, a.Without(new("eu")).With(new("eu"), a[new("eu")]));
        Assert.Equal(a.Components.ToArray().Select(c => c.Key).Order(), a.Components.ToArray().Select(c => c.Key));
    });

    [Fact]
    public void An_origin_twice_or_a_negative_number_is_refused()
    {
        var eu = new OriginId("eu");

        Assert.Throws<ArgumentException>(() => VersionVector.Of([new(eu, 1), new(eu, 2)]));
        Assert.Throws<ArgumentException>(() => VersionVector.Of([new(eu, -1)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => VersionVector.Empty.With(eu, -1));
    }

    private static Gen<(VersionVector, VersionVector, VersionVector)> Three() =>
        from a in Vectors from b in Vectors from c in Vectors select (a, b, c);
}
