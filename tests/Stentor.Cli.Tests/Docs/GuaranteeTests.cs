using System.Text.RegularExpressions;
using Stentor.Testing;

namespace Stentor.Cli.Tests.Docs;

/// <summary><c>docs/guarantees.md</c> names tests; they exist.</summary>
public sealed partial class GuaranteeTests
{
    [Fact]
    public void Every_promise_names_a_test_that_exists()
    {
        var promises = Repository.Read("docs/guarantees.md").Split('\n').Where(line => line.StartsWith("| **", StringComparison.Ordinal)).ToList();
        var sources = string.Concat(Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Select(File.ReadAllText));

        Assert.True(promises.Count >= 12);
        foreach (var promise in promises)
        {
            var tests = TestName().Matches(promise).Select(m => m.Groups[1].Value).ToList();
            Assert.True(tests.Count > 0, promise);
            Assert.All(tests, test => Assert.Matches($@"\b(void|Task) {test}\(", sources));
        }
    }

    [GeneratedRegex("`([A-Z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)`", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex TestName();
}
