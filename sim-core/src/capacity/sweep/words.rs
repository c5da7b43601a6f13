//! The words of a sweep's pictures.

crate::messages! {
    /// Titles, axes, legends and captions.
    pub enum SweepWord {
        HeatTitle { en: "{0}, by two settings", zh: "{0}，随两个设置变化" }
        CurveTitle { en: "{0}, by one setting", zh: "{0}，随一个设置变化" }
        CurvesTitle { en: "{0}, by one setting for some values of another", zh: "{0}，随一个设置变化，另一个取不同的值" }
        TornadoTitle { en: "What moves it most: {0}", zh: "什么影响最大：{0}" }
        TrialsTitle { en: "Thresholds found by bisection", zh: "用二分法找到的上限和下限" }
        ScatterTitle { en: "{0}, in random samples", zh: "{0}，随机取样" }
        RankTitle { en: "What goes along with it: {0}", zh: "与什么一同变化：{0}" }

        TimeOf { en: "time until {0}", zh: "到 {0} 的时间" }
        MetricAt { en: "{0} at {1}", zh: "{1} 时的 {0}" }
        MetricGrowth { en: "growth of {0} from {1} to {2}", zh: "从 {1} 到 {2} {0} 的变化" }
        MetricRate { en: "growth of {0} from {1} to {2}, per {3}", zh: "从 {1} 到 {2} {0} 的变化，每 {3}" }
        RankAxis { en: "rank correlation (Spearman), −1 to 1", zh: "等级相关（Spearman），−1 到 1" }
        Variant { en: "variant", zh: "设置" }
        AsItIs { en: "as it is", zh: "现状" }

        Never { en: "not within the run", zh: "运行期间没有出现" }
        Outside { en: "outside the range", zh: "在范围之外" }
        Median { en: "median", zh: "中位数" }
        Holds { en: "holds under every seed", zh: "所有种子都成立" }
        Fails { en: "does not hold", zh: "不成立" }
        FoundHere { en: "what was found", zh: "找到的值" }
        Below { en: "less than the scenario as it is", zh: "比现状小" }
        Above { en: "more than the scenario as it is", zh: "比现状大" }
        AsOne { en: "the greater, the more", zh: "越大，越多" }
        AsOther { en: "the greater, the less", zh: "越大，越少" }
        SeedSpread { en: "spread of the seeds", zh: "种子之间的差别" }
        LogScale { en: "logarithmic", zh: "对数" }

        OneSeed { en: "One seed.", zh: "只有一个种子。" }
        OneSeedCurve { en: "One seed: no spread is known.", zh: "只有一个种子：不知道种子之间的差别。" }
        CellMedian { en: "Each number is the median of {0} seeds.", zh: "每个数是 {0} 个种子的中位数。" }
        OverOthers { en: "All values of the other settings are taken together.", zh: "其他设置的所有值放在一起。" }
        Extremes { en: "The least is {0} at {1}; the greatest {2} at {3}.", zh: "最小 {0}，在 {1}；最大 {2}，在 {3}。" }
        AllSame { en: "It is {0} everywhere.", zh: "处处都是 {0}。" }
        AllNever { en: "It comes nowhere within the run.", zh: "运行期间从没有出现。" }
        Fold {
            en: "{0} alone changes it up to {1}-fold, {2} alone up to {3}-fold.",
            zh: "单独改变 {0}，最多变为 {1} 倍；单独改变 {2}，最多变为 {3} 倍。"
        }
        Same {
            en: "In {0} of {1} neighbouring pairs nothing changes (within 1 %): there, another limit binds.",
            zh: "{1} 对相邻的格子中，{0} 对没有变化（1 % 以内）：在那里起作用的是另一个限制。"
        }
        NeverCells { en: "– : in {0} of {1} cells it does not come within the run.", zh: "– ：{1} 个格子中有 {0} 个，运行期间没有出现。" }
        OutsideCells { en: "– : in {0} of {1} cells it lies outside the range that was searched.", zh: "– ：{1} 个格子中有 {0} 个，在搜索范围之外。" }

        BandAll { en: "Lines are medians of {0} seeds; bands reach from the least to the greatest.", zh: "线是 {0} 个种子的中位数；色带从最小到最大。" }
        BandMost { en: "Lines are medians of {0} seeds; bands hold the middle 80 %.", zh: "线是 {0} 个种子的中位数；色带包含中间的 80 %。" }
        Along { en: "{0}: {1} at {2}, {3} at {4}.", zh: "{0}：{2} 时 {1}，{4} 时 {3}。" }
        AlongOne { en: "{0} at {1}, {2} at {3}.", zh: "{1} 时 {0}，{3} 时 {2}。" }
        Widest { en: "Seeds differ most at {0}: from {1} to {2}.", zh: "种子之间差别最大在 {0}：从 {1} 到 {2}。" }
        Agreed { en: "All seeds agree within 1 %.", zh: "所有种子的差别都在 1 % 以内。" }
        NeverPoints { en: "At {0} of {1} points it does not come within the run: triangles at the upper edge.", zh: "{1} 个点中有 {0} 个，运行期间没有出现：上边的三角。" }
        SomeLines { en: "{0} of {1} lines are shown.", zh: "{1} 条线中画出 {0} 条。" }

        Bars {
            en: "As it is: {0}. Each bar is one setting changed alone; thin lines are the spread of {1} seeds.",
            zh: "现状：{0}。每一条是单独改变的一个设置；细线是 {1} 个种子之间的差别。"
        }
        BarsOne { en: "As it is: {0}. Each bar is one setting changed alone.", zh: "现状：{0}。每一条是单独改变的一个设置。" }
        BarsMain {
            en: "The middle of all variants is {0}. Each bar reaches from the least to the greatest median of a setting's values, whatever the others are.",
            zh: "所有设置的中位数是 {0}。每一条是一个设置的各个值中最小到最大的中位数，不论其他设置。"
        }
        Most { en: "Most is moved by {0}: {1} with {2}, {3} with {4}.", zh: "影响最大的是 {0}：{2} 时 {1}，{4} 时 {3}。" }
        Idle { en: "Less than 1 % is moved by {0}.", zh: "影响不到 1 % 的：{0}。" }
        Ranks {
            en: "{0} samples. A bar to the right: where the setting is greater, so is it; to the left: the reverse; near 0: no common direction.",
            zh: "{0} 个样本。向右：设置越大，它也越大；向左：相反；接近 0：没有共同的方向。"
        }
        NotRanked { en: "Not ranked, because its values are no numbers: {0}.", zh: "取值不是数字，没有排列：{0}。" }
        Strongest { en: "Strongest: {0} ({1}).", zh: "最强的是 {0}（{1}）。" }
        Samples { en: "Each point is the median of {0} seeds in one sample, all settings drawn at once.", zh: "每个点是一个样本中 {0} 个种子的中位数，所有设置同时随机取值。" }
        SamplesOne { en: "Each point is one sample, all settings drawn at once.", zh: "每个点是一个样本，所有设置同时随机取值。" }

        Condition {
            en: "The condition is {0} ≤ {1} under all {2} seeds. The bar is the {3} value of {4} with which it holds.",
            zh: "条件是 {0} ≤ {1}，对全部 {2} 个种子。短横线是成立时 {4} 的{3}值。"
        }
        Largest { en: "largest", zh: "最大" }
        Smallest { en: "smallest", zh: "最小" }
        FoundAt { en: "{0}: {1}.", zh: "{0}：{1}。" }
        FoundEverywhere { en: "{0}: it holds in the whole range.", zh: "{0}：整个范围都成立。" }
        FoundNowhere { en: "{0}: it holds nowhere in the range.", zh: "{0}：范围内都不成立。" }
        Runs { en: "{0} runs instead of {1}.", zh: "运行 {0} 次，而不是 {1} 次。" }
    }
}
